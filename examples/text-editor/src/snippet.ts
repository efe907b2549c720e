/** The lines with which another program joins the same room. */
export function joinSnippet(server: string, room: string): string {
  return [
    "new WebsocketProvider(",
    `  ${JSON.stringify(server)},`,
    `  ${JSON.stringify(room)},`,
    "  doc,",
    ");",
  ].join("\n");
}
