const SECTION = /^(?=## )/m;

/**
 * A page of results with some of them made anew: what was not measured this time stays.
 *
 * @param page the one before, which has a head, or an empty text
 * @param head what stands above all sections
 * @param sections each begins with its title, `## …`
 */
export function renewPage(page: string, head: string, sections: readonly string[]): string {
  const [, ...before] = page.split(SECTION);
  const all = new Map(
    [...before, ...sections].map((section) => [titleOf(section), section.trim()]),
  );
  return `${[head.trim(), ...all.values()].join("\n\n")}\n`;
}

function titleOf(section: string): string {
  return section.split("\n", 1).join("");
}
