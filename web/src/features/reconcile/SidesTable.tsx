/** A table of the marketplace's figures beside ours; its rows are the children. */
import type { ReactNode } from "react";

interface SidesTableProps {
  label: string;
  /** Heads of the columns. */
  what: string;
  theirs: string;
  ours: string;
  children: ReactNode;
}

export function SidesTable({ label, what, theirs, ours, children }: SidesTableProps) {
  return (
    <div className="scroll">
      <table role="table" className="data compact" aria-label={label}>
        <thead role="rowgroup">
          <tr role="row">
            <th scope="col">{what}</th>
            <th scope="col" className="num">
              {theirs}
            </th>
            <th scope="col" className="num">
              {ours}
            </th>
          </tr>
        </thead>
        {children}
      </table>
    </div>
  );
}
