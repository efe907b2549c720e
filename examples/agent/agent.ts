import type { ServerDocument } from "symphony-backend";
import type * as Y from "yjs";
import { answerTo } from "./answers.ts";

const QUESTION = "@agent ";
const ANSWER = "> ";

/** Lets the agent take part in a room, until the document is closed. */
export function takePart({ doc, awareness }: ServerDocument): void {
  const text = doc.getText("text");
  awareness.setLocalState({ user: { name: "Agent", color: "#6d5bd0" } });
  text.observe(() => answerAll(text));
  answerAll(text);
}

/** Writes an answer below each question that has none. */
function answerAll(text: Y.Text): void {
  let at = 0;
  const lines = text.toString().split("\n");
  for (const [i, line] of lines.entries()) {
    at += line.length + 1;
    const next = lines[i + 1];
    // Without a next line, somebody is still writing it.
    if (!line.startsWith(QUESTION) || next === undefined || next.startsWith(ANSWER)) continue;
    const answer = `${ANSWER}${answerTo(line.slice(QUESTION.length))}\n`;
    text.insert(at, answer);
    at += answer.length;
  }
}
