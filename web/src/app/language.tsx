/** The language of the page: starts as preferred, changes without a reload, in the shop's time zone. */
import { useQuery } from "@tanstack/react-query";
import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { queries } from "@/api/queries";
import { I18nProvider, loadDictionary, rememberLocale, type Dictionary } from "@/i18n";
import type { Locale } from "@/lib/format";

interface Language {
  locale: Locale;
  choose: (locale: Locale) => void;
}

const LanguageContext = createContext<Language | null>(null);

interface Props {
  locale: Locale;
  dictionary: Dictionary;
  children: ReactNode;
}

export function LanguageProvider({ locale: firstLocale, dictionary: firstDictionary, children }: Props) {
  const [chosen, setChosen] = useState({ locale: firstLocale, dictionary: firstDictionary });
  const { data: meta } = useQuery(queries.meta());
  useEffect(() => {
    document.documentElement.lang = chosen.locale;
  }, [chosen.locale]);
  const language = useMemo(
    () => ({
      locale: chosen.locale,
      choose: (locale: Locale) => {
        rememberLocale(locale);
        void loadDictionary(locale).then((dictionary) => setChosen({ locale, dictionary }));
      },
    }),
    [chosen.locale],
  );
  return (
    <LanguageContext value={language}>
      <I18nProvider
        locale={chosen.locale}
        dictionary={chosen.dictionary}
        // Until the shop is known, nothing with a time is drawn.
        timeZone={meta?.time_zone ?? "UTC"}
      >
        {children}
      </I18nProvider>
    </LanguageContext>
  );
}

export function useLanguage(): Language {
  const language = useContext(LanguageContext);
  if (!language) throw new Error("useLanguage needs a LanguageProvider above it");
  return language;
}
