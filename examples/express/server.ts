import { createServer as createHttpServer } from "node:http";
import express from "express";
import { AccessDeniedError, createServer } from "symphony-backend";

// Who may come in is for the application to know; here it is whoever has one of these tokens.
const people = new Map([
  ["token-of-ada", "ada"],
  ["token-of-bob", "bob"],
]);

const app = express();
app.get("/", (_request, response) => {
  response.send("a page of the application");
});

const http = createHttpServer(app);
const symphony = await createServer({
  attachTo: { server: http, path: "/collab" },
  access: ({ token = "" }) => {
    const subject = people.get(token);
    if (subject === undefined) throw new AccessDeniedError("unauthenticated", "log in first");
    return { subject, level: "read-write", expiresAt: null };
  },
  hooks: {
    onConnect: ({ room, subject }) => process.stdout.write(`${subject} has opened ${room}\n`),
  },
});

http.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  process.stdout.write(`documents are at ${symphony.url}/<room>\n`);
});

process.once("SIGTERM", async () => {
  await symphony.close();
  http.close();
});
