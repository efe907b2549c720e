/**
 * Hocuspocus as its documentation starts it, on a free port, which it prints: with the Redis
 * extension if REDIS_URL is set, and without custom hooks. Plain JavaScript, as it is published.
 */
import { Redis } from "@hocuspocus/extension-redis";
import { Server } from "@hocuspocus/server";

const redis = process.env.REDIS_URL === undefined ? undefined : new URL(process.env.REDIS_URL);

const server = new Server({
  address: "127.0.0.1",
  port: 0,
  quiet: true,
  extensions:
    redis === undefined ? [] : [new Redis({ host: redis.hostname, port: Number(redis.port) })],
});
await server.listen();
process.stdout.write(`${JSON.stringify({ msg: "listening", url: server.httpURL })}\n`);
