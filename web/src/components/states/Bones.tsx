/** Skeletons: after 250 ms, in the shape of what comes. */
import type { ReactNode } from "react";
import { useI18n } from "@/i18n";

/** Widths of text lines in percent, so that a block does not look like a ruler. */
const widths = [82, 64, 74, 58, 78, 66];

export function Bone({ width, height = 12, round = false }: { width: string; height?: number; round?: boolean }) {
  return <span className="bone" style={{ width, height, borderRadius: round ? 999 : undefined }} />;
}

export function Bones({ children }: { children: ReactNode }) {
  const { t } = useI18n();
  return (
    <div className="bones" role="status" aria-busy="true">
      <span className="sr">{t.loading}</span>
      {children}
    </div>
  );
}

/** The rows of a list that is on its way. */
export function RowBones({ rows = 8 }: { rows?: number }) {
  return Array.from({ length: rows }, (_, index) => (
    <div className="bone-row" key={index}>
      <Bone width="30px" height={30} />
      <span className="grow">
        <Bone width={`${widths[index % widths.length] ?? 70}%`} />
      </span>
      <Bone width="72px" height={20} round />
      <Bone width="56px" />
    </div>
  ));
}
