/** Language and theme: in the top bar, and behind "More" on the phone. */
import * as Popover from "@radix-ui/react-popover";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { FilterOption } from "@/components/ui/FilterChip";
import { Icon } from "@/components/ui/Icon";
import { useLanguage } from "@/app/language";
import { useI18n } from "@/i18n";
import { locales, type Locale } from "@/lib/format";
import { chooseTheme, themes, useTheme } from "@/lib/theme";

/** Languages call themselves by their own name, whatever is spoken now. */
const ownNames: Record<Locale, string> = { en: "English", ru: "Русский", fr: "Français" };
const themeIcons = { system: "screen", light: "sun", dark: "moon" } as const;

/** Changes the language; a language in the URL would win over the choice, so it changes with it. */
function useChoose() {
  const { choose } = useLanguage();
  const navigate = useNavigate();
  const { lang } = useSearch({ strict: false });
  return (locale: Locale) => {
    choose(locale);
    if (lang) void navigate({ to: ".", search: (before) => ({ ...before, lang: locale }), replace: true });
  };
}

export function LanguageButtons({ className }: { className: string }) {
  const { t, locale } = useI18n();
  const choose = useChoose();
  return (
    <div className={`langs ${className}`} role="group" aria-label={t.top.language}>
      {locales.map((one) => (
        <button
          key={one}
          type="button"
          lang={one}
          title={ownNames[one]}
          aria-pressed={one === locale}
          onClick={() => choose(one)}
        >
          {one.toUpperCase()}
        </button>
      ))}
    </div>
  );
}

export function ThemeButton({ className }: { className: string }) {
  const { t } = useI18n();
  const theme = useTheme();
  const next = themes[(themes.indexOf(theme) + 1) % themes.length] ?? "system";
  return (
    <button
      type="button"
      className={`icon-btn ${className}`}
      aria-label={t.top.theme[theme]}
      title={t.top.theme[theme]}
      onClick={() => chooseTheme(next)}
    >
      <Icon name={themeIcons[theme]} />
    </button>
  );
}

export function MoreMenu() {
  const { t, locale } = useI18n();
  const theme = useTheme();
  const choose = useChoose();
  return (
    <Popover.Root modal={false}>
      <Popover.Trigger type="button">
        <Icon name="more" />
        <span>{t.nav.more}</span>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          className="popover"
          side="top"
          align="end"
          sideOffset={8}
          collisionPadding={12}
          aria-label={t.nav.more}
        >
          <fieldset className="options">
            <legend>{t.top.language}</legend>
            {locales.map((one) => (
              <FilterOption
                key={one}
                type="radio"
                name="language"
                label={<span lang={one}>{ownNames[one]}</span>}
                checked={one === locale}
                onChange={() => choose(one)}
              />
            ))}
          </fieldset>
          <fieldset className="options">
            <legend>{t.top.themeName}</legend>
            {themes.map((one) => (
              <FilterOption
                key={one}
                type="radio"
                name="theme"
                label={t.top.themes[one]}
                checked={one === theme}
                onChange={() => chooseTheme(one)}
              />
            ))}
          </fieldset>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
