/** The list of keys, and the switch that turns single letters off. */
import { Fragment, useState } from "react";
import { Dialog } from "@/components/ui/Dialog";
import { useI18n } from "@/i18n";
import { keysAreOn, switchKeys } from "@/lib/keys";

export function Help({ onClose }: { onClose: () => void }) {
  const { t } = useI18n();
  const [on, setOn] = useState(keysAreOn);
  const keys: [string[], string][] = [
    [["/"], t.help.search],
    [["g", "d"], t.help.goHome],
    [["g", "i"], t.help.goProducts],
    [["g", "s"], t.help.goSync],
    [["j"], t.help.nextRow],
    [["k"], t.help.previousRow],
    [["Enter"], t.help.open],
    [["w"], t.help.why],
    [["Esc"], t.help.close],
    [["?"], t.help.list],
  ];
  return (
    <Dialog title={t.help.title} closeLabel={t.help.dismiss} onClose={onClose}>
      <dl className="keys">
        {keys.map(([sequence, what]) => (
          <Fragment key={what}>
            <dt>
              {sequence.map((key, index) => (
                <Fragment key={key}>
                  {index > 0 && t.help.then}
                  <kbd>{key}</kbd>
                </Fragment>
              ))}
            </dt>
            <dd>{what}</dd>
          </Fragment>
        ))}
      </dl>
      <label className="switch">
        <input
          type="checkbox"
          checked={on}
          onChange={(event) => {
            setOn(event.target.checked);
            switchKeys(event.target.checked);
          }}
        />
        {t.help.letters}
      </label>
    </Dialog>
  );
}
