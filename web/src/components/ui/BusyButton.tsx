/** A button that keeps its width while it works and says so. */
import type { ReactNode } from "react";
import { Icon, type IconName } from "@/components/ui/Icon";

interface Props {
  children: ReactNode;
  icon?: IconName;
  busy?: boolean;
  /** Nothing to do yet: it says so without looking busy. */
  disabled?: boolean;
  className?: string;
  onClick: () => void;
  label?: string;
}

export function BusyButton({ children, icon, busy = false, disabled = false, className = "", onClick, label }: Props) {
  return (
    <button
      type="button"
      className={`btn ${className}`}
      aria-disabled={busy || disabled || undefined}
      aria-label={label}
      onClick={() => {
        if (!busy && !disabled) onClick();
      }}
    >
      {icon && <Icon name={busy ? "spin" : icon} className={busy ? "spin" : ""} />}
      {children}
    </button>
  );
}
