import { CreateTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { BackingServices } from "@symphony/services/backing-services";
import { Client } from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import * as Y from "yjs";
import { spawnServer, startServer } from "../support/server-process.ts";
import { documentOf } from "./document-of.ts";
import { join, textIn } from "./people.ts";
import { runProgram } from "./run-program.ts";

const services = new BackingServices();
beforeAll(() => services.start());
afterAll(() => services.stop());

/** The output of a failing `symphony-backend setup`. */
async function setUpFailure(env: Readonly<Record<string, string>>): Promise<string> {
  const setUp = await spawnServer({ env: { ...services.environment(), ...env } }, ["setup"]);
  expect((await setUp.exited).code).not.toBe(0);
  return setUp.tail();
}

it("uses the bucket in place, and leaves its objects readable by other programs", async () => {
  const env = services.environment();
  const credentials = {
    accessKeyId: services.s3.accessKey,
    secretAccessKey: services.s3.secretKey,
  };
  const { endpoint } = services.s3;
  const s3 = new S3Client({ endpoint, credentials, region: "us-east-1", forcePathStyle: true });
  const object = (room: string) => ({ Bucket: env.S3_BUCKET, Key: `rooms/${room}` });
  const rooms = ["plain", "a room/with ümläut", "100%"];
  for (const room of rooms) {
    const Body = Buffer.from(documentOf(`of ${room}`));
    await s3.send(new PutObjectCommand({ ...object(room), Body }));
  }
  const symphony = await startServer({ env: { ...env, S3_PREFIX: "rooms/" } });
  const writer = await join(symphony.wsUrl, "plain");
  expect(writer.text.toString()).toBe("of plain");
  writer.text.insert(0, "More ");
  expect(await textIn(symphony.wsUrl, encodeURIComponent("100%"))).toBe("of 100%");

  // The other rooms have not been opened yet, so they are not listed.
  const args = ["--bucket", "symphony", "--prefix", "rooms/", "--path-style", "--to", symphony.url];
  const listed = await runProgram("from-s3", { args, env });
  expect(listed).toMatchObject({ code: 0, complaints: "" });
  const known = async () => {
    const response = await fetch(`${symphony.url}/api/rooms`);
    const list = (await response.json()) as { rooms: { name: string }[] };
    return list.rooms.map(({ name }) => name).sort();
  };
  // Room records are written a moment after the documents.
  await expect.poll(known, { timeout: 60_000 }).toEqual([...rooms].sort());
  const verified = await runProgram("from-s3", { args: [...args, "--verify"], env });
  expect(verified).toMatchObject({ code: 0, complaints: "" });

  expect(await symphony.stop()).toBe(0);
  const doc = new Y.Doc();
  const { Body } = await s3.send(new GetObjectCommand(object("plain")));
  Y.applyUpdate(doc, (await Body?.transformToByteArray()) ?? new Uint8Array());
  expect(doc.getText("text").toString()).toBe("More of plain");
  s3.destroy();
});

it("refuses to use existing tables of the same names, and leaves them unchanged", async () => {
  const old = await services.postgres.createDatabase("old");
  const database = new Client(old);
  await database.connect();
  await database.query("CREATE TABLE rooms (id serial PRIMARY KEY, name text, opened timestamptz)");
  await database.query("INSERT INTO rooms (name) VALUES ('plain')");
  expect(await setUpFailure({ DATABASE_URL: old })).toContain(
    "Could not create or update the tables",
  );
  const { rows } = await database.query("SELECT id, name, opened FROM rooms");
  expect(rows).toEqual([{ id: 1, name: "plain", opened: null }]);
  await database.end();

  const { endpoint } = services.dynamoDb;
  const credentials = { accessKeyId: "any", secretAccessKey: "any" };
  const dynamoDb = new DynamoDBClient({ endpoint, credentials, region: "us-east-1" });
  await dynamoDb.send(
    new CreateTableCommand({
      TableName: "documents",
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [{ AttributeName: "document", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "document", KeyType: "HASH" }],
    }),
  );
  dynamoDb.destroy();
  expect(await setUpFailure({ DYNAMODB_TABLE: "documents" })).toContain(
    "the DynamoDB table documents is not one of symphony-backend",
  );
});
