/** A choice of one among a few, side by side. */
import * as ToggleGroup from "@radix-ui/react-toggle-group";

interface Props<T extends string> {
  label: string;
  value: T;
  options: readonly { value: T; text: string }[];
  onChange: (value: T) => void;
  className?: string;
}

export function Segmented<T extends string>({ label, value, options, onChange, className = "" }: Props<T>) {
  return (
    <ToggleGroup.Root
      type="single"
      className={`seg ${className}`}
      aria-label={label}
      value={value}
      onValueChange={(next) => {
        const chosen = options.find((option) => option.value === next);
        // Pressing the chosen one again would clear it; one is always chosen.
        if (chosen) onChange(chosen.value);
      }}
    >
      {options.map((option) => (
        <ToggleGroup.Item key={option.value} value={option.value} data-text={option.text}>
          {option.text}
        </ToggleGroup.Item>
      ))}
    </ToggleGroup.Root>
  );
}
