/** How a marketplace is connected: where its key is made, which file it goes into, and what reads it. */
import { useI18n } from "@/i18n";

interface Needs {
  site: string;
  words: "ozon" | "wildberries";
  variables: readonly string[];
}

const needs: Record<string, Needs | undefined> = {
  ozon: { site: "seller.ozon.ru", words: "ozon", variables: ["MICORE_OZON_CLIENT_ID", "MICORE_OZON_API_KEY"] },
  wildberries: {
    site: "seller.wildberries.ru",
    words: "wildberries",
    variables: ["MICORE_WILDBERRIES_API_TOKEN"],
  },
};

/** Whether there are words for this source; a plug-in of somebody else tells its own. */
export const canExplain = (source: string) => needs[source] !== undefined;

export function KeyHelp({ source }: { source: string }) {
  const { t } = useI18n();
  const need = needs[source];
  if (!need) return null;
  return (
    <ol className="steps">
      <li>{t.setup[need.words](need.site, "Admin read only")}</li>
      <li>
        {t.setup.file(".env")}
        <pre className="mono">{need.variables.map((variable) => `${variable}=…`).join("\n")}</pre>
      </li>
      <li>{t.setup.restart("make run", "micore serve")}</li>
    </ol>
  );
}
