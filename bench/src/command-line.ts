/**
 * Reads the program's options. If they are invalid, prints the reason and exits with code 2.
 *
 * @param help printed after the reason
 */
export function readOptionsOrExit<Options>(
  read: (args: readonly string[]) => Options,
  help?: string,
): Options {
  try {
    return read(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    if (help !== undefined) process.stderr.write(`\n${help}`);
    process.exit(2);
  }
}

/**
 * Reads an option that lists positive whole numbers, separated by commas. Returns each once, in
 * ascending order.
 *
 * @throws Error for the user
 */
export function positiveList(name: string, text: string): readonly number[] {
  const values = text.split(",").map(Number);
  if (!values.every((value) => Number.isInteger(value) && value > 0)) {
    throw new Error(`--${name} needs whole numbers separated by commas, such as 4,40,400`);
  }
  return [...new Set(values)].sort((a, b) => a - b);
}

/** Reads an option that is a positive whole number. @throws Error for the user */
export function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value <= 0) throw new Error(`--${name} needs a whole number`);
  return value;
}
