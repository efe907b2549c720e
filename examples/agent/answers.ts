/** What the agent says to a question, in one line. */
export function answerTo(question: string): string {
  const [task = "", ...words] = question.trim().split(/\s+/);
  switch (task) {
    case "count":
      return words.length === 1 ? "1 word" : `${words.length} words`;
    case "upper":
      return words.join(" ").toUpperCase();
    case "reverse":
      return words.reverse().join(" ");
    default:
      return "I can count, upper and reverse.";
  }
}
