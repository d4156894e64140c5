/** The filters of product lists as chips; all of them live in the URL. */
import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { queries } from "@/api/queries";
import type { Place, SourceFreshness } from "@/api/types";
import { FilterChip, FilterOption } from "@/components/ui/FilterChip";
import { Status } from "@/components/ui/Status";
import { useI18n } from "@/i18n";
import type { Messages } from "@/i18n/en";
import { accountTitle, sourceBadge, sourceTitle } from "@/lib/names";
import { sortKeys, type Sort, type SortKey, type Status as StatusName } from "@/lib/url-state";

/** One taken away or added; nothing left, or everything, is no filter. */
function toggled<T>(chosen: readonly T[], one: T, on: boolean, all: readonly T[]): T[] | undefined {
  const next = all.filter((item) => (item === one ? on : chosen.includes(item)));
  return next.length === 0 || next.length === all.length ? undefined : next;
}

interface FilterProps<T> {
  value: readonly T[] | undefined;
  onChange: (value: T[] | undefined) => void;
}

export function StatusFilter<S extends StatusName>({
  value,
  onChange,
  all,
  counts,
}: FilterProps<S> & { all: readonly S[]; counts?: Partial<Record<StatusName, number>> }) {
  const { t, f } = useI18n();
  return (
    <FilterChip
      name={t.filters.status}
      value={value ? t.list(value.map((status) => t.status[status])) : null}
      onClear={() => onChange(undefined)}
    >
      <fieldset className="options">
        <legend className="sr">{t.filters.status}</legend>
        {all.map((status) => (
          <FilterOption
            key={status}
            label={<Status status={status} />}
            {...(counts?.[status] === undefined ? {} : { note: f.number(counts[status]) })}
            checked={value?.includes(status) ?? false}
            onChange={(on) => onChange(toggled(value ?? [], status, on, all))}
          />
        ))}
      </fieldset>
    </FilterChip>
  );
}

export function MarketplaceFilter({ value, onChange, sources }: FilterProps<string> & { sources: readonly string[] }) {
  const { t } = useI18n();
  if (sources.length < 2 && !value) return null;
  return (
    <FilterChip
      name={t.filters.marketplace}
      value={value ? t.list(value.map(sourceBadge)) : null}
      onClear={() => onChange(undefined)}
    >
      <fieldset className="options">
        <legend className="sr">{t.filters.marketplace}</legend>
        {sources.map((source) => (
          <FilterOption
            key={source}
            label={sourceTitle(source)}
            checked={value?.includes(source) ?? false}
            onChange={(on) => onChange(toggled(value ?? [], source, on, sources))}
          />
        ))}
      </fieldset>
    </FilterChip>
  );
}

/** Accounts, where some marketplace has several; the others are told by their marketplace. */
export function AccountFilter({
  value,
  onChange,
  accounts,
}: FilterProps<number> & { accounts: readonly SourceFreshness[] }) {
  const { t, f } = useI18n();
  const several = accounts.length > new Set(accounts.map(({ source }) => source)).size;
  if (!several && !value) return null;
  const all = accounts.map((one) => one.account_id);
  const nameOf = (id: number) => accounts.find((one) => one.account_id === id)?.name ?? f.number(id);
  return (
    <FilterChip
      name={t.keys.accounts}
      value={value ? t.list(value.map(nameOf)) : null}
      onClear={() => onChange(undefined)}
    >
      <fieldset className="options">
        <legend className="sr">{t.keys.accounts}</legend>
        {accounts.map((one) => (
          <FilterOption
            key={one.account_id}
            label={accountTitle(one, accounts)}
            checked={value?.includes(one.account_id) ?? false}
            onChange={(on) => onChange(toggled(value ?? [], one.account_id, on, all))}
          />
        ))}
      </fieldset>
    </FilterChip>
  );
}

/** Places by the name of their source, in the order the API gave them. */
function bySource(places: readonly Place[]): [string, Place[]][] {
  const groups = new Map<string, Place[]>();
  for (const place of places) groups.set(place.source, [...(groups.get(place.source) ?? []), place]);
  return [...groups];
}

const manyPlaces = 8;

export function PlaceFilter({ value, onChange }: FilterProps<number>) {
  const { t, f } = useI18n();
  const { data: places = [] } = useQuery(queries.places());
  const [asked, setAsked] = useState("");
  const find = useId();
  const chosen = value ?? [];
  const nameOf = (id: number) => places.find((place) => place.id === id)?.name ?? f.number(id);
  const wanted = asked.trim().toLocaleLowerCase(f.locale);
  const matches = places.filter((place) =>
    [place.name, place.region ?? "", place.scheme].some((text) => text.toLocaleLowerCase(f.locale).includes(wanted)),
  );
  const first = chosen[0];
  const said =
    first === undefined ? null : chosen.length === 1 ? nameOf(first) : t.filters.more(nameOf(first), chosen.length - 1);
  if (places.length < 2 && !value) return null;
  return (
    <FilterChip name={t.filters.place} value={said} onClear={() => onChange(undefined)}>
      {places.length > manyPlaces && (
        <>
          <label className="sr" htmlFor={find}>
            {t.filters.findPlace}
          </label>
          <input
            id={find}
            className="find"
            type="search"
            placeholder={t.filters.findPlace}
            value={asked}
            onChange={(event) => setAsked(event.target.value)}
          />
        </>
      )}
      {bySource(matches).map(([source, group]) => (
        <fieldset className="options" key={source}>
          <legend>{sourceTitle(source)}</legend>
          {group.map((place) => (
            <FilterOption
              key={place.id}
              label={
                <>
                  {place.name} <span className="dim">{place.scheme}</span>
                </>
              }
              note={f.number(place.products)}
              checked={chosen.includes(place.id)}
              onChange={(on) => {
                const next = on ? [...chosen, place.id] : chosen.filter((id) => id !== place.id);
                onChange(next.length > 0 ? next : undefined);
              }}
            />
          ))}
        </fieldset>
      ))}
      {matches.length === 0 && <p className="option dim">{t.filters.noPlace}</p>}
    </FilterChip>
  );
}

/** What a sort key is called; the words of the table's heads. */
export function sortName(t: Messages, key: SortKey, sign: string): string {
  const names: Record<SortKey, string> = {
    effect: t.table.effect(sign),
    name: t.table.product,
    code: t.product.article,
    available: t.table.available,
    sold: t.table.sold,
    cover: t.table.cover,
    value: t.table.value(sign),
    status: t.table.status,
  };
  return names[key];
}

const phoneSorts: readonly Sort[] = ["status", "-effect", "available", "cover", "-sold", "-value", "name"];

/** Sorting where the table has no heads: on the phone. */
export function SortChip({ sort, onSort, currency }: { sort: Sort; onSort: (sort: Sort) => void; currency: string }) {
  const { t, f } = useI18n();
  const name = useId();
  const sign = f.currencySign(currency);
  const key = (one: Sort) => sortKeys.find((found) => found === one.replace(/^-/, "")) ?? "effect";
  return (
    <FilterChip
      className="only-s"
      name={`↓ ${sortName(t, key(sort), sign)}`}
      value={null}
      onClear={() => onSort("-effect")}
    >
      <fieldset className="options">
        <legend className="sr">{t.table.sortBy("")}</legend>
        {phoneSorts.map((one) => (
          <FilterOption
            key={one}
            type="radio"
            name={name}
            label={sortName(t, key(one), sign)}
            checked={one === sort}
            onChange={() => onSort(one)}
          />
        ))}
      </fieldset>
    </FilterChip>
  );
}
