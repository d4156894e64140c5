/** A button that keeps its width while it works and says so. */
import type { ReactNode } from "react";
import { Icon, type IconName } from "@/components/ui/Icon";

interface Props {
  children: ReactNode;
  icon?: IconName;
  busy?: boolean;
  className?: string;
  onClick: () => void;
  label?: string;
}

export function BusyButton({ children, icon, busy = false, className = "", onClick, label }: Props) {
  return (
    <button
      type="button"
      className={`btn ${className}`}
      aria-disabled={busy || undefined}
      aria-label={label}
      onClick={() => {
        if (!busy) onClick();
      }}
    >
      {icon && <Icon name={busy ? "spin" : icon} className={busy ? "spin" : ""} />}
      {children}
    </button>
  );
}
