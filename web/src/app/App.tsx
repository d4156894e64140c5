/** All providers around the router; main.tsx and the tests build it from their own parts. */
import { QueryClientProvider, type QueryClient } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { LiveProvider, type LiveFeed } from "@/api/live";
import { LanguageProvider } from "@/app/language";
import type { createAppRouter } from "@/app/router";
import type { Dictionary } from "@/i18n";
import type { Locale } from "@/lib/format";

interface Props {
  cache: QueryClient;
  feed: LiveFeed;
  router: ReturnType<typeof createAppRouter>;
  locale: Locale;
  dictionary: Dictionary;
}

export function App({ cache, feed, router, locale, dictionary }: Props) {
  return (
    <QueryClientProvider client={cache}>
      <LiveProvider value={feed}>
        <LanguageProvider locale={locale} dictionary={dictionary}>
          <RouterProvider router={router} />
        </LanguageProvider>
      </LiveProvider>
    </QueryClientProvider>
  );
}
