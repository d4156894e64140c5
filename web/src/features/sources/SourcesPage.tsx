/** Keys: each marketplace's fields, a test that stores nothing, and the lines that belong into the settings. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useId, useState } from "react";
import { queries, testKey } from "@/api/queries";
import type { KeyForm } from "@/api/types";
import { Bone, Bones, RowBones } from "@/components/states/Bones";
import { ErrorState } from "@/components/states/ErrorState";
import { Notice } from "@/components/states/Notice";
import { BusyButton } from "@/components/ui/BusyButton";
import { KeyFindings } from "@/features/sources/KeyFindings";
import "@/features/sources/sources.css";
import { useI18n } from "@/i18n";
import { useTitle } from "@/lib/hooks";

function Lines({ form, values }: { form: KeyForm; values: Record<string, string> }) {
  const { t } = useI18n();
  return (
    <>
      <p>{t.keys.put(".env")}</p>
      <pre className="mono">
        {form.fields.map((field) => `${field.variable}=${field.secret ? "***" : values[field.name]}`).join("\n")}
      </pre>
    </>
  );
}

function Marketplace({ form }: { form: KeyForm }) {
  const { t } = useI18n();
  const id = useId();
  const [values, setValues] = useState<Record<string, string>>({});
  // Nothing of a key may outlive the page: results are not kept.
  const test = useMutation({
    mutationFn: (asked: { source: string; values: Record<string, string> | null }) =>
      testKey(asked.source, asked.values),
    gcTime: 0,
  });
  const whole = form.fields.every((field) => (values[field.name] ?? "").trim() !== "");
  return (
    <section className="panel" aria-labelledby={`${id}-title`}>
      <div className="panel-head">
        <h2 id={`${id}-title`}>{t.keys.form(form.title)}</h2>
      </div>
      <form
        className="key-form"
        autoComplete="off"
        onSubmit={(event) => {
          event.preventDefault();
          if (whole && !test.isPending) test.mutate({ source: form.source, values });
        }}
      >
        {form.slots.length > 0 && (
          <p className="key-slots">
            {form.slots.map((slot) => (
              <BusyButton
                key={slot}
                className="small"
                busy={test.isPending}
                onClick={() => test.mutate({ source: slot, values: null })}
              >
                {t.keys.inForce(slot)}
              </BusyButton>
            ))}
          </p>
        )}
        {form.fields.map((field) => (
          <p className="key-field" key={field.name}>
            <label htmlFor={`${id}-${field.name}`}>{t.keys.fields[field.name] ?? field.name}</label>
            <input
              id={`${id}-${field.name}`}
              type={field.secret ? "password" : "text"}
              autoComplete="off"
              spellCheck={false}
              value={values[field.name] ?? ""}
              onChange={(event) => setValues({ ...values, [field.name]: event.target.value })}
            />
          </p>
        ))}
        <button type="submit" className="btn primary" disabled={!whole || test.isPending}>
          {test.isPending ? t.keys.testing : t.keys.test}
        </button>
      </form>
      <div aria-live="polite">
        {test.error && <Notice tone="critical" role="alert" title={test.error.message} />}
        {test.data && (
          <>
            <KeyFindings report={test.data} />
            {test.data.accepted && test.variables.values && (
              <div className="key-lines">
                <Lines form={form} values={test.variables.values} />
              </div>
            )}
          </>
        )}
      </div>
    </section>
  );
}

export function SourcesPage() {
  const { t } = useI18n();
  useTitle(t.keys.title);
  const forms = useQuery(queries.sources());
  const testable = forms.data?.filter((form) => form.testable) ?? [];
  return (
    <div className="page">
      <div className="page-head">
        <h1>{t.keys.title}</h1>
        <span className="grow" />
        <Link to="/sync" className="btn">
          {t.sync.title}
        </Link>
      </div>
      <p className="dim">{t.keys.lead}</p>
      {forms.error && !forms.data ? (
        <ErrorState error={forms.error} onRetry={() => void forms.refetch()} />
      ) : !forms.data ? (
        <Bones>
          <div className="panel">
            <Bone width="30%" />
            <RowBones rows={3} />
          </div>
        </Bones>
      ) : testable.length === 0 ? (
        <Notice tone="unknown" title={t.keys.empty} />
      ) : (
        testable.map((form) => <Marketplace key={form.source} form={form} />)
      )}
    </div>
  );
}
