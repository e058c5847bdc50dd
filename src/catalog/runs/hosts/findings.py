"""What a prepare run found on a host that only a person at the site can see to: a code, and words for it."""

from collections.abc import Mapping

from catalog.platform.i18n import Text

FINDINGS: Mapping[str, Text] = {
    "clock-not-kept": Text(
        en="Nothing keeps its clock right: set up NTP, or sign-ins will fail one day.",
        fr="Rien ne tient son horloge à l’heure : installez NTP, sinon les connexions échoueront un jour.",
    ),
    "certificate-missing": Text(
        en="/etc/coop-catalog/tls lacks certificate.pem, key.pem or ca.pem.",
        fr="Il manque certificate.pem, key.pem ou ca.pem dans /etc/coop-catalog/tls.",
    ),
    "certificate-key-open": Text(
        en="/etc/coop-catalog/tls/key.pem must be root’s, with the mode 0600.",
        fr="/etc/coop-catalog/tls/key.pem doit appartenir à root, avec le mode 0600.",
    ),
    "certificate-key-differs": Text(
        en="The certificate and the key in /etc/coop-catalog/tls do not belong together.",
        fr="Le certificat et la clé dans /etc/coop-catalog/tls ne vont pas ensemble.",
    ),
    "certificate-runs-out": Text(
        en="The certificate in /etc/coop-catalog/tls runs out within 14 days.",
        fr="Le certificat dans /etc/coop-catalog/tls expire dans les 14 jours.",
    ),
    "firewall-of-its-own": Text(
        en="It has a firewall of its own, so ours was left out: let in SSH, 80 and 443, and little else.",
        fr="Il a son propre pare-feu; le nôtre n’a pas été posé : laissez entrer SSH, 80 et 443, et guère plus.",
    ),
    "firewall-not-possible": Text(
        en="Its kernel takes no firewall from it: whoever runs the machine outside must see to that.",
        fr="Son noyau n’accepte pas de pare-feu : qui exploite la machine de l’extérieur doit y pourvoir.",
    ),
    "restart-needed": Text(
        en="It waits for a restart: a patch run does it where nobody says otherwise.",
        fr="Il attend un redémarrage : une exécution de mise à jour le fait, sauf indication contraire.",
    ),
}
UNKNOWN = Text(en="See the run that found it.", fr="Voyez l’exécution qui l’a constaté.")
