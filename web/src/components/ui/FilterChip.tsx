/** A filter: an outline with an arrow while unset, filled with a cross while set; a press opens its choices. */
import * as Popover from "@radix-ui/react-popover";
import type { ReactNode } from "react";
import { Icon } from "@/components/ui/Icon";
import { useI18n } from "@/i18n";

interface Props {
  name: string;
  /** What is chosen, in words; null while the filter is unset. */
  value: string | null;
  onClear: () => void;
  children: ReactNode;
  className?: string;
}

export function FilterChip({ name, value, onClear, children, className = "" }: Props) {
  const { t } = useI18n();
  return (
    // Not modal: a modal popover writes a style element, which the server's content policy refuses.
    <Popover.Root modal={false}>
      <span className={`chip ${value === null ? "" : "set"} ${className}`}>
        <Popover.Trigger type="button">
          {value === null ? (
            <>
              {name}
              <Icon name="down" />
            </>
          ) : (
            <>
              {t.colon(name)} <b>{value}</b>
            </>
          )}
        </Popover.Trigger>
        {value !== null && (
          <button type="button" aria-label={t.filters.clear(name)} onClick={onClear}>
            <Icon name="x" />
          </button>
        )}
      </span>
      <Popover.Portal>
        <Popover.Content className="popover" align="start" sideOffset={6} collisionPadding={16} aria-label={name}>
          {children}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

interface OptionProps {
  label: ReactNode;
  note?: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
  type?: "checkbox" | "radio";
  name?: string;
}

/** One choice inside a filter. */
export function FilterOption({ label, note, checked, onChange, type = "checkbox", name }: OptionProps) {
  return (
    <label className="option">
      <input type={type} name={name} checked={checked} onChange={(event) => onChange(event.target.checked)} />
      <span className="grow">{label}</span>
      {note !== undefined && <span className="count">{note}</span>}
    </label>
  );
}
