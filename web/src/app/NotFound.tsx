/** The page for an address that leads nowhere. */
import { Link } from "@tanstack/react-router";
import { Center } from "@/components/states/Center";
import { useI18n } from "@/i18n";
import { useTitle } from "@/lib/hooks";

export function NotFound() {
  const { t } = useI18n();
  useTitle("404");
  return (
    <Center
      whole
      icon="search"
      title={t.error.notFound}
      actions={
        <Link className="btn primary" to="/">
          {t.error.home}
        </Link>
      }
    >
      <p>{t.error.notFoundText}</p>
    </Center>
  );
}
