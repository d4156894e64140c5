/** A tinted panel: bold fact, then cause, then one action. Amber for old or partial, red for failed, grey for offline. */
import type { ReactNode } from "react";
import { Icon, type IconName } from "@/components/ui/Icon";

type Tone = "low" | "critical" | "unknown" | "busy";

const icons: Record<Tone, IconName> = { low: "alert", critical: "error", unknown: "offline", busy: "sync" };

interface Props {
  tone: Tone;
  /** Where the tone's own icon would say something else. */
  icon?: IconName | undefined;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
  role?: "status" | "alert";
}

export function Notice({ tone, icon = icons[tone], title, children, action, role }: Props) {
  return (
    <div className={`notice ${tone}`} role={role}>
      <Icon name={icon} />
      <div className="grow">
        <b>{title}</b> {children}
      </div>
      {action}
    </div>
  );
}
