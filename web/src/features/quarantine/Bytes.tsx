/** The row as it is, laid out for reading; its faulty field stands out and is scrolled to. */
import { useEffect, useMemo, useRef, type ReactNode } from "react";
import { layOut } from "@/features/products/json";
import { keyOf } from "@/features/quarantine/field";

/** Laid out where it is JSON; what is none keeps its blanks and lines. */
export function laidOut(text: string): string[] {
  try {
    JSON.parse(text);
  } catch {
    return [text];
  }
  return layOut(text);
}

export function Bytes({ text, field, label }: { text: string; field: string | null; label: string }): ReactNode {
  const box = useRef<HTMLPreElement>(null);
  const tokens = useMemo(() => laidOut(text), [text]);
  const marked = useMemo(() => keyOf(tokens, field), [tokens, field]);
  useEffect(() => {
    const mark = box.current?.querySelector("mark");
    // Only the box is scrolled, never the page: a long row would hide the field at fault.
    if (box.current && mark) box.current.scrollTop = mark.offsetTop - box.current.clientHeight / 2;
  }, [marked]);
  return (
    <pre ref={box} className="row-bytes" tabIndex={0} role="region" aria-label={label}>
      {marked < 0 ? (
        tokens.join("")
      ) : (
        <>
          {tokens.slice(0, marked).join("")}
          <mark>{tokens[marked]}</mark>
          {tokens[marked + 1]}
          <mark>{tokens[marked + 2]}</mark>
          {tokens.slice(marked + 3).join("")}
        </>
      )}
    </pre>
  );
}
