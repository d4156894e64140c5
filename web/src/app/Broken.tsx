/** What is shown where a page broke while it was drawn, or its code could not be loaded. */
import type { ErrorComponentProps } from "@tanstack/react-router";
import { Center } from "@/components/states/Center";
import { useI18n } from "@/i18n";

export function Broken({ error }: ErrorComponentProps) {
  const { t } = useI18n();
  return (
    <Center
      role="alert"
      icon="error"
      tone="critical"
      title={t.error.app}
      actions={
        // A new version may have replaced the files of this page; only a reload brings the new ones.
        <button type="button" className="btn primary" onClick={() => window.location.reload()}>
          {t.error.reload}
        </button>
      }
      facts={
        <p className="ids">
          <span className="mono">{error instanceof Error ? error.message : String(error)}</span>
        </p>
      }
    >
      <p>{t.error.appText}</p>
    </Center>
  );
}
