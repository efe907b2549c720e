import { expect, test } from "vitest";
import { renewPage } from "../src/report/results-page.ts";

const PAGE = "# Old\n\n## A\n\nold a\n\n## B\n\nold b, not ## C\n";

test("a new result replaces its section in place and keeps the others", () => {
  expect(renewPage(PAGE, "# New", ["## A\n\nnew a"])).toBe(
    "# New\n\n## A\n\nnew a\n\n## B\n\nold b, not ## C\n",
  );
});

test("a new section is appended", () => {
  expect(renewPage(PAGE, "# New", ["## C\n\nnew c"])).toBe(
    "# New\n\n## A\n\nold a\n\n## B\n\nold b, not ## C\n\n## C\n\nnew c\n",
  );
});

test("a new page contains the measured sections", () => {
  expect(renewPage("", "# New", ["## A\n\na"])).toBe("# New\n\n## A\n\na\n");
});
