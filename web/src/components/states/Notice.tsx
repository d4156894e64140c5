/** A tinted panel: bold fact, then cause, then one action. Amber for old or partial, red for failed, grey for offline. */
import type { ReactNode } from "react";
import { Shape } from "@/components/ui/Status";

interface Props {
  tone: "low" | "critical" | "unknown";
  title: string;
  children?: ReactNode;
  action?: ReactNode;
  role?: "status" | "alert";
}

export function Notice({ tone, title, children, action, role }: Props) {
  return (
    <div className={`notice ${tone}`} role={role}>
      <Shape status={tone} />
      <div className="grow">
        <b>{title}</b> {children}
      </div>
      {action}
    </div>
  );
}
