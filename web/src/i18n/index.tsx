/** The reader's language: which one, where it is kept, and the hook that gives words and formats. */
import { createContext, useContext, useMemo, type ReactNode } from "react";
import type { Messages } from "@/i18n/en";
import { createFormats, locales, type Formats, type Locale } from "@/lib/format";
import { recall, remember } from "@/lib/memory";

export type Dictionary = (f: Formats) => Messages;

/** A language is loaded when it is asked for. */
const dictionaries: Record<Locale, () => Promise<Dictionary>> = {
  en: async () => (await import("@/i18n/en")).en,
  ru: async () => (await import("@/i18n/ru")).ru,
  fr: async () => (await import("@/i18n/fr")).fr,
};

const known = (tag: string | null | undefined): Locale | undefined =>
  locales.find((locale) => locale === tag?.slice(0, 2).toLowerCase());

/** The URL's word counts first, then the last choice, then the browser's list, then English. */
export function preferredLocale(fromUrl: string | null | undefined): Locale {
  const wished = [fromUrl, recall("language"), ...navigator.languages];
  return wished.map(known).find((locale) => locale !== undefined) ?? "en";
}

export function rememberLocale(locale: Locale): void {
  remember("language", locale);
}

export const loadDictionary = (locale: Locale): Promise<Dictionary> => dictionaries[locale]();

interface I18n {
  t: Messages;
  f: Formats;
  locale: Locale;
}

const I18nContext = createContext<I18n | null>(null);

interface ProviderProps {
  locale: Locale;
  dictionary: Dictionary;
  timeZone: string;
  children: ReactNode;
}

export function I18nProvider({ locale, dictionary, timeZone, children }: ProviderProps) {
  const value = useMemo(() => {
    const f = createFormats(locale, timeZone);
    return { t: dictionary(f), f, locale };
  }, [locale, dictionary, timeZone]);
  return <I18nContext value={value}>{children}</I18nContext>;
}

export function useI18n(): I18n {
  const value = useContext(I18nContext);
  if (!value) throw new Error("useI18n needs an I18nProvider above it");
  return value;
}
