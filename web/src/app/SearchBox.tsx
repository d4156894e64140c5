/** The search of the top bar: leads to the products from every page, 150 ms after the last letter. */
import { useNavigate, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { Icon } from "@/components/ui/Icon";
import { useI18n } from "@/i18n";
import { useKey } from "@/lib/keys";
import { longestQuery, without, type ProductsSearch } from "@/lib/url-state";

const pauseMs = 150;

export function SearchBox() {
  const { t } = useI18n();
  const navigate = useNavigate();
  const onProducts = useRouterState({ select: (state) => state.location.pathname === "/products" });
  const inUrl = useRouterState({
    select: ({ location }) =>
      location.pathname === "/products" && "q" in location.search
        ? (location.search.q ?? "").slice(0, longestQuery)
        : "",
  });
  const [text, setText] = useState(inUrl);
  const [seen, setSeen] = useState(inUrl);
  const input = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  // Back, forward and "clear" change the URL; the box follows, but not while it is ahead.
  if (seen !== inUrl) {
    setSeen(inUrl);
    if (text.trim() !== inUrl) setText(inUrl);
  }
  useEffect(() => () => clearTimeout(timer.current), []);
  useKey("/", (event) => {
    event.preventDefault();
    input.current?.focus();
    input.current?.select();
  });

  const search = (asked: string) => {
    const q = asked.trim();
    if (q === inUrl && onProducts) return;
    if (q === "" && !onProducts) return;
    void navigate({
      to: "/products",
      search: (before) => {
        const rest: ProductsSearch = onProducts ? without(before as ProductsSearch, "q") : {};
        return q === "" ? rest : { ...rest, q };
      },
      replace: onProducts,
    });
  };
  const change = (asked: string) => {
    setText(asked);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => search(asked), pauseMs);
  };
  const clear = () => {
    change("");
    input.current?.focus();
  };

  return (
    <form
      className="search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        clearTimeout(timer.current);
        search(text);
      }}
    >
      <Icon name="search" />
      <label className="sr" htmlFor="search">
        {t.top.search}
      </label>
      <input
        id="search"
        ref={input}
        type="search"
        enterKeyHint="search"
        autoComplete="off"
        spellCheck={false}
        placeholder={t.top.search}
        maxLength={longestQuery}
        value={text}
        onChange={(event) => change(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.preventDefault();
          if (text === "") event.currentTarget.blur();
          else clear();
        }}
      />
      {text === "" ? (
        <kbd aria-hidden="true">/</kbd>
      ) : (
        <button type="button" className="icon-btn" aria-label={t.top.clearSearch} onClick={clear}>
          <Icon name="x" />
        </button>
      )}
    </form>
  );
}
