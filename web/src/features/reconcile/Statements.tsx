/** What a marketplace pays report by report, beside what is stored here, and the sums that each is made of. */
import { useState } from "react";
import type { StatementCompared } from "@/api/types";
import { SidesTable } from "@/features/reconcile/SidesTable";
import { useI18n } from "@/i18n";

const shownAtFirst = 4;

export function Statements({ statements }: { statements: readonly StatementCompared[] }) {
  const { t, f } = useI18n();
  const words = t.past.compare.pay;
  const [all, setAll] = useState(false);
  const newest = [...statements].reverse();
  const shown = all ? newest : newest.slice(0, shownAtFirst);
  return (
    <div className="compare-statements">
      {shown.map((told) => (
        <Statement key={`${told.first_day} ${told.theirs.currency}`} told={told} />
      ))}
      {newest.length > shown.length && (
        <button type="button" className="link" onClick={() => setAll(true)}>
          {words.all(f.number(newest.length))}
        </button>
      )}
    </div>
  );
}

function Statement({ told }: { told: StatementCompared }) {
  const { t, f } = useI18n();
  const words = t.past.compare.pay;
  const money = (amount: StatementCompared["ours"]) => (amount === null ? t.past.compare.absent : f.price(amount));
  const same = told.ours !== null && told.ours.amount === told.theirs.amount;
  const days = f.dayRange(told.first_day, told.last_day);
  return (
    <details className="compare-sums">
      <summary>
        <span className="link">{words.report(days, told.reports)}</span>{" "}
        <span className="num">
          {same ? words.same(money(told.theirs)) : words.paid(money(told.theirs), money(told.ours))}
        </span>
      </summary>
      <p className="dim">{words.made(f.day(told.made_on))}</p>
      <SidesTable label={words.report(days, told.reports)} what={words.sum} theirs={words.theirs} ours={words.ours}>
        <tbody role="rowgroup">
          {told.members.map((one) => (
            <tr role="row" key={one.member}>
              <th scope="row">
                {memberName(words.members, one.member)}
                {!one.counted && <span className="dim"> · {words.beside}</span>}
              </th>
              <td className="num">{money(one.theirs)}</td>
              <td className="num">{one.counted ? money(one.ours) : "–"}</td>
            </tr>
          ))}
        </tbody>
        <tfoot role="rowgroup">
          <tr role="row">
            <th scope="row">{words.members.payout}</th>
            <td className="num strong">{money(told.theirs)}</td>
            <td className="num strong">{money(told.ours)}</td>
          </tr>
        </tfoot>
      </SidesTable>
    </details>
  );
}

/** A sum's name in the reader's language; one that we have no word for as the server calls it. */
export const memberName = (names: Record<string, string>, member: string): string => names[member] ?? member;
