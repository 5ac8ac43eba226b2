-- A load of real articles for wrk (https://github.com/wg/wrk): each request is one seed document.
--
-- In the repository's root, with the service running (python -m serve.http), for 1, 8, 64 clients:
--
--   wrk -t1 -c1  -d30s --timeout 60s -s tests/load/score.lua http://127.0.0.1:8080
--   wrk -t1 -c8  -d30s --timeout 60s -s tests/load/score.lua http://127.0.0.1:8080
--   wrk -t1 -c64 -d30s --timeout 60s -s tests/load/score.lua http://127.0.0.1:8080
--
-- `articles` beside `python -m serve.bench`'s is what the service costs. For overload, start the
-- service with --queue-texts 16 and ask with 64 clients: 429 and nothing else may join 200.
-- A service with keys: after the address, `-- KEY`.

local documents = {
  "000_7b4d44a1602fb94c", "001_51fe8f3a45d1e2e6", "002_b18206fd37d6bce2",
  "003_443dd833fefe247e", "004_2303a9234c677aa9",
}
local requests, words, threads, counts = {}, {}, {}, {}

local function escape(character)
  return string.format("\\u%04x", string.byte(character))
end

function setup(thread)
  table.insert(threads, thread)
end

function init(arguments)
  local headers = { ["Content-Type"] = "application/json", ["X-API-Key"] = arguments[1] }
  for index, name in ipairs(documents) do
    local text = assert(io.open("seeds/documents/" .. name .. ".txt")):read("*a")
    local body = '{"texts": ["' .. text:gsub('[%c"\\]', escape) .. '"]}'
    requests[index] = wrk.format("POST", "/v1/score", headers, body)
    local _, count = text:gsub("%S+", "")
    words[index] = count
  end
  -- Global, because `done` reads them of each thread, and it can read no tables.
  asked, asked_words, answers = 0, 0, ""
end

function request()
  asked = asked + 1
  local index = asked % #requests + 1
  asked_words = asked_words + words[index]
  return requests[index]
end

function response(status)
  counts[status] = (counts[status] or 0) + 1
  answers = ""
  for code, count in pairs(counts) do
    answers = answers .. code .. "=" .. count .. " "
  end
end

function done(summary, latency)
  local seconds, by_status = summary.duration / 1e6, {}
  local total, total_words = 0, 0
  for _, thread in ipairs(threads) do
    total, total_words = total + thread:get("asked"), total_words + thread:get("asked_words")
    for code, count in thread:get("answers"):gmatch("(%d+)=(%d+)") do
      by_status[code] = (by_status[code] or 0) + tonumber(count)
    end
  end
  print()
  for code, count in pairs(by_status) do
    print(string.format("answers with %s: %d", code, count))
  end
  local scored = (by_status["200"] or 0) / seconds
  print(string.format("articles: %.1f a second, %.0f words", scored, scored * total_words / total))
  for _, share in ipairs({ 50, 90, 99 }) do
    print(string.format("%d%% answered within %.0f ms", share, latency:percentile(share) / 1000))
  end
  local errors = summary.errors
  print(string.format("broken: %d connect, %d read, %d write, %d timeout",
    errors.connect, errors.read, errors.write, errors.timeout))
end
