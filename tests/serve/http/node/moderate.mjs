// Moderates the texts on standard input (a JSON array) with OpenAI's own client for Node, at the
// base URL and with the key that are given, and prints what the client made of the answer.
import { readFileSync } from "node:fs";
import OpenAI from "openai";

const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
try {
  const input = JSON.parse(readFileSync(0, "utf8"));
  console.log(JSON.stringify(await client.moderations.create({ input })));
} catch (error) {
  if (!(error instanceof OpenAI.APIError)) throw error;
  const { status, type, param, code, message } = error;
  console.log(JSON.stringify({ raised: error.constructor.name, status, type, param, code, message }));
}
