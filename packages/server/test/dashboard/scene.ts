import { pino } from "pino";
import { afterAll } from "vitest";
import * as Y from "yjs";
import { openPostgresStore } from "../../src/storage/postgres/open.ts";
import { type Session13, yWebsocket31 } from "../support/providers.ts";
import { TestCluster } from "../support/test-cluster.ts";
import { waitFor } from "../support/wait-for.ts";

const MINUTE_MS = 60_000;
const DAY_MINUTES = 24 * 60;
const NAMES = ["Ada", "Ben", "Chloé", "Dmitri", "Emeka"] as const;

/** A room whose document contains every kind of content. */
export const RICH_ROOM = "notes/today";
export const LONG_NAME: string = "a-very-long-name/".repeat(12).slice(0, 200);
const ROOMS = [
  RICH_ROOM,
  "design-review",
  "team/handbook",
  "roadmap 2027",
  "board: launch",
  "café / menu",
  "budget?year=2027",
  '"quoted" & <escaped>',
  "../up",
  LONG_NAME,
] as const;
export interface Scene {
  readonly cluster: TestCluster;
  /** The clients in the rich room. */
  readonly people: readonly Session13[];
}

/** A cluster with a day of activity, and clients in its rooms until the end of the test file. */
export async function startScene(): Promise<Scene> {
  const sessions: Session13[] = [];
  afterAll(() => {
    for (const session of sessions) session.destroy();
  });
  const cluster = await TestCluster.start(3, { env: { SNAPSHOT_INTERVAL_MS: "500" } });
  await recordDay(cluster.services.environment().DATABASE_URL ?? "");
  for (const [index, room] of ROOMS.entries()) {
    for (const [i, name] of NAMES.slice(index % NAMES.length).entries()) {
      const url = cluster.wsUrls[(index + (i % 2)) % 3] ?? "";
      const presence = { user: { name, color: "#5a3fc0" }, cursor: { anchor: 3, head: 9 } };
      sessions.push(yWebsocket31.open(url, encodeURIComponent(room), { presence }));
    }
  }
  await waitFor(() => sessions.every(({ isSynced }) => isSynced), {
    message: "all sessions are synced",
  });
  const people = sessions.slice(0, NAMES.length);
  for (const session of sessions.slice(NAMES.length)) session.text.insert(0, "A few words. ");
  if (people[0] !== undefined) writeEverything(people[0].doc);
  return { cluster, people };
}

/** Records a day of activity: few connections at night, most in the afternoon. */
async function recordDay(databaseUrl: string): Promise<void> {
  const { metadata, close } = await openPostgresStore(databaseUrl, pino({ level: "silent" }));
  const now = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
  for (let ago = 1; ago <= DAY_MINUTES; ago++) {
    const minute = now - ago * MINUTE_MS;
    const ofDay = (minute / MINUTE_MS) % DAY_MINUTES;
    const share = 0.5 - 0.5 * Math.cos((2 * Math.PI * (ofDay - 180)) / DAY_MINUTES);
    const wave = 4 * Math.sin(ofDay / 17) + 3 * Math.sin(ofDay / 5);
    const connections = Math.max(0, Math.round(8 + 70 * share ** 2 + wave));
    const rooms = Math.ceil(connections / 3);
    await metadata.recordActivity({ minute, server: "before", connections, rooms, connects: 2 });
  }
  await close();
}

/** Fills a document with every root type and every kind of content. */
function writeEverything(doc: Y.Doc): void {
  doc.getText("title").insert(0, "Weekly notes");
  const body = doc.getText("body");
  body.insert(0, "Everything that is written here\nis kept, and seen by everybody at once.\n");
  body.format(0, 10, { bold: true });
  body.insertEmbed(11, { image: "plan.png" });
  const todo = new Y.Map<unknown>(Object.entries({ text: "Write the report", done: false }));
  doc.getArray("todos").push([todo, { text: "Review", tags: ["draft", "urgent"] }, 7, null]);
  const settings = doc.getMap("settings");
  settings.set("owner", "Ada");
  settings.set("archived", false);
  settings.set("history", { versions: Array.from({ length: 150 }, (_, i) => i) });
  settings.set("description", "A longer text that does not fit into one line. ".repeat(8));
  const paragraph = new Y.XmlElement("paragraph");
  paragraph.insert(0, [new Y.XmlText("Rich text, as editors keep it.")]);
  doc.getXmlFragment("page").insert(0, [paragraph]);
}
