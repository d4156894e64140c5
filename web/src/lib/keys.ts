/** Single-key commands: one listener, the newest handler of a key wins, silent while someone types. */
import { useEffect, useRef } from "react";
import { recall, remember } from "@/lib/memory";

type Handler = (event: KeyboardEvent) => void;

const handlers = new Map<string, Handler[]>();
const sequenceMs = 1200;
let pending: { key: string; at: number } | null = null;
let listening = false;

const switchName = "keys";
export const keysAreOn = () => recall(switchName) !== "off";
export const switchKeys = (on: boolean) => remember(switchName, on ? null : "off");

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable) return true;
  if (target instanceof HTMLInputElement) return !["checkbox", "radio", "button"].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

function onKeyDown(event: KeyboardEvent) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const single = event.key.length === 1;
  if (single && (isTyping(event.target) || !keysAreOn())) return;
  const sequence = pending && event.timeStamp - pending.at < sequenceMs ? `${pending.key} ${event.key}` : null;
  pending = null;
  const found = (sequence ? handlers.get(sequence) : undefined) ?? handlers.get(event.key);
  const newest = found?.at(-1);
  if (newest) {
    newest(event);
    return;
  }
  if (single && [...handlers.keys()].some((key) => key.startsWith(`${event.key} `))) {
    pending = { key: event.key, at: event.timeStamp };
  }
}

/**
 * Runs `handler` when `key` is pressed ("/", "j", "Escape", or a sequence such as "g d") while the component is shown.
 * `active` false leaves the key to whoever registered it before.
 */
export function useKey(key: string, handler: Handler, active = true): void {
  const latest = useRef(handler);
  useEffect(() => {
    latest.current = handler;
  });
  useEffect(() => {
    if (!active) return;
    if (!listening) {
      window.addEventListener("keydown", onKeyDown);
      listening = true;
    }
    const own: Handler = (event) => latest.current(event);
    handlers.set(key, [...(handlers.get(key) ?? []), own]);
    return () => {
      const rest = (handlers.get(key) ?? []).filter((one) => one !== own);
      if (rest.length > 0) handlers.set(key, rest);
      else handlers.delete(key);
    };
  }, [key, active]);
}
