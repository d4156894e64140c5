/** A request that failed: cause, next step, and what helps to find it; a retry keeps everything else. */
import { useState } from "react";
import { ApiError } from "@/api/errors";
import { Center } from "@/components/states/Center";
import { useI18n } from "@/i18n";

interface Props {
  error: unknown;
  onRetry: () => void;
  bare?: boolean;
}

/** Title and text of what went wrong, in the reader's words where they are ours, else in the server's. */
function useWords(error: unknown): { title: string; text: string } {
  const { t } = useI18n();
  if (!(error instanceof ApiError)) return { title: t.error.app, text: t.error.appText };
  if (error.status === 0) return { title: t.error.network, text: t.error.networkText };
  if (error.detail === null && error.status === 504) return { title: t.error.timeout, text: t.error.timeoutText };
  const title = error.title ?? (error.status >= 500 ? t.error.server : t.error.refused);
  return { title, text: [error.detail, error.remedy].filter(Boolean).join(" ") || t.error.kept };
}

export function ErrorState({ error, onRetry, bare = false }: Props) {
  const { t, f } = useI18n();
  const { title, text } = useWords(error);
  const [copied, setCopied] = useState(false);
  const [at] = useState(() => (error instanceof ApiError ? error.at : new Date()).toISOString());
  const requestId = error instanceof ApiError ? error.requestId : null;
  const report = [title, text, requestId && `${t.error.request} ${requestId}`, f.exact(at)].filter(Boolean).join("\n");
  return (
    <Center
      bare={bare}
      role="alert"
      icon="error"
      tone="critical"
      title={title}
      actions={
        <button type="button" className="btn primary" onClick={onRetry}>
          {t.error.retry}
        </button>
      }
      facts={
        <p className="ids">
          {requestId && (
            <span>
              {t.error.request} <span className="mono">{requestId}</span>
            </span>
          )}
          <span>{f.exact(at)}</span>
          <button
            type="button"
            className="link"
            onClick={() => {
              void navigator.clipboard.writeText(report).then(() => setCopied(true));
            }}
          >
            {copied ? t.error.copied : t.error.copy}
          </button>
        </p>
      }
    >
      <p>{text}</p>
    </Center>
  );
}
