"""One module for each shape that moderation tools speak, all over the same queue.

An adapter exports `PREFIX`, where its routes lie; `error_body`, which words a `ServiceError`
as its clients expect it; and `router`, its routes over a `Service`.
"""
