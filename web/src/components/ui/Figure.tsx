/** A number that is tinted for a second when it changes under the reader's eyes. */
import { useChanged } from "@/lib/hooks";

export function Figure({ children, className = "" }: { children: string; className?: string }) {
  const changed = useChanged(children);
  return <span className={`fig ${changed ? "changed" : ""} ${className}`}>{children}</span>;
}
