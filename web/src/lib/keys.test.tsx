import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { switchKeys, useKey } from "@/lib/keys";

function Keys({ log, active = true, name = "" }: { log: string[]; active?: boolean; name?: string }) {
  useKey("j", () => log.push(`${name}j`), active);
  useKey("g d", () => log.push(`${name}g d`), active);
  useKey("Escape", () => log.push(`${name}esc`), active);
  return <input aria-label="field" />;
}

const press = (keys: string) => userEvent.setup({ delay: null }).keyboard(keys);

describe("single keys", () => {
  it("run their command, alone or one after the other", async () => {
    const log: string[] = [];
    render(<Keys log={log} />);
    await press("jgdg{Escape}d");
    expect(log).toEqual(["j", "g d", "esc"]);
  });

  it("are letters while someone types, but Escape is not", async () => {
    const log: string[] = [];
    render(<Keys log={log} />);
    screen.getByLabelText("field").focus();
    await press("jgd{Escape}");
    expect(log).toEqual(["esc"]);
  });

  it("leave the browser's own shortcuts alone", async () => {
    const log: string[] = [];
    render(<Keys log={log} />);
    await press("{Control>}j{/Control}{Meta>}j{/Meta}{Alt>}j{/Alt}");
    expect(log).toEqual([]);
  });

  it("belong to the newest that asks for them", async () => {
    const log: string[] = [];
    const view = render(
      <>
        <Keys log={log} name="page " />
        <Keys log={log} name="drawer " />
      </>,
    );
    await press("j");
    view.rerender(
      <>
        <Keys log={log} name="page " />
        <Keys log={log} name="drawer " active={false} />
      </>,
    );
    await press("j");
    expect(log).toEqual(["drawer j", "page j"]);
  });

  it("can be switched off, all but Escape", async () => {
    const log: string[] = [];
    render(<Keys log={log} />);
    switchKeys(false);
    await press("jgd{Escape}");
    switchKeys(true);
    await press("j");
    expect(log).toEqual(["esc", "j"]);
  });
});
