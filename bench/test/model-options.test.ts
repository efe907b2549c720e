import { expect, test } from "vitest";
import { INPUT_GROUPS, inputsWith } from "../model/inputs.ts";
import { help, readOptions } from "../model/options.ts";
import { page } from "../model/page.ts";

test("inputs can be changed by name or with a JSON object", () => {
  const { changes, write } = readOptions([
    "--set",
    "clientsPerRoom=8",
    "--set",
    '{"actingShare":0.1,"snapshotSeconds":300}',
  ]);
  expect(changes).toEqual({ clientsPerRoom: 8, actingShare: 0.1, snapshotSeconds: 300 });
  expect(write).toBe(false);
  expect(inputsWith(changes)).toMatchObject({ ...changes, updatesPerSecond: 1 });
});

test.each([
  ["roomSize=8", 'no input "roomSize"'],
  ["toString=8", 'no input "toString"'],
  ["clientsPerRoom=many", "many is not JSON"],
  ['clientsPerRoom="8"', 'clientsPerRoom is "8", not a number'],
  ["clientsPerRoom=2.5", "clientsPerRoom is 2.5; it must be a whole number"],
  ["clientsPerRoom=0", "clientsPerRoom is 0; it must be more than 0"],
  ["actingShare=-1", "actingShare is -1; it must be a number that is not negative"],
  ["actingShare=2", "actingShare is 2; it must be at most 1"],
  ["joinsPerHour=0.5", "joinsPerHour 0.5 is too low"],
  ["7", "--set 7: write NAME=NUMBER"],
])("refuses --set %s", (text, message) => {
  expect(() => readOptions(["--set", text])).toThrow(message);
});

test("--help and the page explain each input", () => {
  const texts = [help(), page({})];
  for (const group of Object.values(INPUT_GROUPS)) {
    for (const name of Object.keys(group)) {
      for (const text of texts) expect(text).toContain(name);
    }
  }
});

test("the page lists the changed inputs", () => {
  expect(page({ clientsPerRoom: 8 })).toContain("| `clientsPerRoom` | **8** |");
});
