import Fastify from "fastify";
import { createServer } from "symphony-backend";
import * as Y from "yjs";

// What the application had of its articles before they were edited together.
const articles = new Map([["welcome", "Hello, everybody"]]);

const app = Fastify();
app.get("/", async () => "a page of the application");

const symphony = await createServer({
  attachTo: { server: app.server, path: "/collab" },
  settings: { ALLOW_ANONYMOUS: true },
  load: (room) => {
    const article = articles.get(room);
    if (article === undefined) return null;
    const doc = new Y.Doc();
    // Two servers may open a room at once, and must give it the same content.
    doc.clientID = 1;
    doc.getText("text").insert(0, article);
    return Y.encodeStateAsUpdate(doc);
  },
});

app.addHook("preClose", async () => {
  await symphony.close();
});
await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT ?? 3000) });
process.stdout.write(`documents are at ${symphony.url}/<room>\n`);

process.once("SIGTERM", () => void app.close());
