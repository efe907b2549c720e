import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { idOf, synthesise } from "./template.ts";

const SOURCE = fileURLToPath(new URL("../../../packages/server/src/", import.meta.url));
const template = synthesise();

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
}

const id = idOf(template, "AWS::IAM::Policy", "TaskDefinitionTaskRole");
const statements: readonly Statement[] =
  template.findResources("AWS::IAM::Policy")[id]?.Properties.PolicyDocument.Statement;

/** The actions that the role allows for a service. */
function allowed(service: string): string[] {
  return statements
    .flatMap(({ Action }) => Action)
    .filter((action) => action.startsWith(`${service}:`))
    .sort();
}

/** The commands that the server sends, except those of `setup`, by action name. */
function used(folder: string, names: Readonly<Record<string, string>>): Set<string> {
  const files = readdirSync(SOURCE + folder).filter((file) => !file.startsWith("create-"));
  const sources = files.map((file) => readFileSync(`${SOURCE}${folder}/${file}`, "utf8"));
  const commands = [...sources.join("\n").matchAll(/new (\w+)Command\(/g)].map(([, name]) => name);
  return new Set(commands.map((name = "") => names[name] ?? name));
}

describe("the task role", () => {
  it("allows exactly what the server does in DynamoDB", () => {
    const actions = [...used("replication/dynamodb", {})].map((name) => `dynamodb:${name}`);
    expect(allowed("dynamodb")).toEqual(actions.sort());
  });

  it("allows exactly what the server does in S3, and detecting a missing object", () => {
    const actions = used("storage/s3", {
      HeadObject: "GetObject",
      CreateMultipartUpload: "PutObject",
      UploadPart: "PutObject",
      CompleteMultipartUpload: "PutObject",
    });
    expect(allowed("s3")).toEqual([...actions, "ListBucket"].map((name) => `s3:${name}`).sort());
  });

  it("covers only this bucket and this table", () => {
    const bucket = { "Fn::GetAtt": [idOf(template, "AWS::S3::Bucket"), "Arn"] };
    const table = { "Fn::GetAtt": [idOf(template, "AWS::DynamoDB::Table"), "Arn"] };
    expect(statements.map(({ Effect, Resource }) => [Effect, Resource])).toEqual([
      ["Allow", bucket],
      ["Allow", { "Fn::Join": ["", [bucket, "/*"]] }],
      ["Allow", table],
    ]);
  });
});
