import { createServer as createHttpServer } from "node:http";
import {
  type Access,
  AccessDeniedError,
  type Attempt,
  type ChangeEvent,
  createServer,
  type Journal,
  type ServerOptions,
  StorageError,
} from "symphony-backend";

// An application that uses the installed package. It is compiled strictly and run.

function authorize({ token }: Attempt): Access {
  if (token === undefined) throw new AccessDeniedError("unauthenticated", "who is there?");
  return { subject: token, level: "read-write", expiresAt: null };
}

const journal: Journal = {
  append: async (rows) => rows.map((_, index) => index + 1),
  read: () => Promise.reject(new StorageError("it remembers nothing")),
  truncate: async () => {},
  forget: async () => {},
  close: async () => {},
};

const http = createHttpServer((_request, response) => response.end("application"));
const options: ServerOptions = {
  attachTo: { server: http, path: "/collab" },
  access: authorize,
  journal,
  hooks: { onChange: async ({ room, changes }: ChangeEvent) => [room, changes.length] },
  settings: { LOG_LEVEL: "silent", SNAPSHOT_INTERVAL_MS: 1_000 },
};
const symphony = await createServer(options);
await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
const health: Response = await fetch(`${symphony.url}/health/live`);
const page: Response = await fetch(new URL("/", symphony.url));
const durable: boolean = await symphony.close();
http.close();
http.closeAllConnections();
process.stdout.write(JSON.stringify([await health.json(), await page.text(), durable]));
