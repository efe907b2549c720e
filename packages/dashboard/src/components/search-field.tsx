import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

interface Props {
  readonly label: string;
  readonly value: string;
  /** The person has stopped typing for so long before `onChange` is called. */
  readonly delayMs?: number;
  onChange(text: string): void;
}

/** A field whose text takes effect while it is typed. */
export function SearchField({ label, value, delayMs = 0, onChange }: Props): VNode {
  const [text, setText] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    // What is being typed is newer.
    if (timer.current === undefined) setText(value);
  }, [value]);
  const type = (typed: string): void => {
    setText(typed);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      timer.current = undefined;
      onChange(typed);
    }, delayMs);
  };
  return (
    <label class="search">
      <span class="visually-hidden">{label}</span>
      <input
        type="search"
        placeholder={label}
        value={text}
        maxLength={200}
        autoComplete="off"
        spellcheck={false}
        onInput={({ currentTarget }) => type(currentTarget.value)}
      />
    </label>
  );
}
