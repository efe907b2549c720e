import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

interface Props {
  readonly label: string;
  readonly value: string;
  /** How long to wait after the last keystroke before calling `onChange`. */
  readonly delayMs?: number;
  onChange(text: string): void;
}

/** A search field that takes effect while the user types. */
export function SearchField({ label, value, delayMs = 0, onChange }: Props): VNode {
  const [text, setText] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    // Text still being typed is newer than `value`.
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
