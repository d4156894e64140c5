/** A panel with one message in the middle: empty, not set up, not found, good news. */
import type { ReactNode } from "react";
import { Icon, type IconName } from "@/components/ui/Icon";
import { Shape } from "@/components/ui/Status";
import type { Status } from "@/lib/url-state";

interface Props {
  icon?: IconName;
  status?: Status;
  /** Tints the icon; a status has its own shape and tint. */
  tone?: "critical";
  title: string;
  children?: ReactNode;
  actions?: ReactNode;
  /** Small print under the actions. */
  facts?: ReactNode;
  role?: "alert" | "status";
  bare?: boolean;
  /** The message is the page itself. */
  whole?: boolean;
}

export function Center({
  icon = "box",
  status,
  tone,
  title,
  children,
  actions,
  facts,
  role,
  bare = false,
  whole = false,
}: Props) {
  return (
    <div className={`center ${bare ? "" : "panel"}`} role={role}>
      <span className={`medal ${status ?? tone ?? ""}`}>
        {status ? <Shape status={status} /> : <Icon name={icon} />}
      </span>
      {whole ? <h1>{title}</h1> : <h2>{title}</h2>}
      {children}
      {actions && <div className="btns">{actions}</div>}
      {facts}
    </div>
  );
}
