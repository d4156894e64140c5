/** Which accounts a sum lacks, because they have not been read to the end yet. */
import type { FinanceSums } from "@/api/types";
import { State } from "@/components/ui/Status";
import { useI18n } from "@/i18n";
import { sourceTitle } from "@/lib/names";

export function Unread({ accounts }: { accounts: FinanceSums["unread"] }) {
  const { t } = useI18n();
  if (accounts.length === 0) return null;
  const names = accounts.map((each) => `${sourceTitle(each.source)} “${each.account}”`);
  return (
    <p className="sums-unread">
      <State icon="alert" tone="low">
        {t.product.unread(t.list(names))}
      </State>
    </p>
  );
}
