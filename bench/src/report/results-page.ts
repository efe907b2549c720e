const SECTION = /^(?=## )/m;

/**
 * Updates some sections of a results page; sections that were not measured this time stay.
 *
 * @param page the previous page, which has a head, or an empty string
 * @param head the text above all sections
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
