/**
 * Reads the options of this program; when it cannot, says why and ends with code 2.
 *
 * @param help is added to that
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

/** The value of an option that counts something. @throws Error that a user understands */
export function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value <= 0) throw new Error(`--${name} needs a whole number`);
  return value;
}
