<?php
/**
 * Signs in whom the gateway has signed in, and nobody else.
 *
 * The gateway hands the claims of the signed token over in the environment, where no request can put anything. Issuer,
 * organization and roles are checked here again: a gateway that is set wrongly lets nobody in.
 */
class auth_plugin_coopsignon extends \dokuwiki\Extension\AuthPlugin
{
    public function __construct()
    {
        parent::__construct();
        $this->cando['external'] = true;
        $this->cando['logout'] = true;
        $this->success = true;
    }

    public function trustExternal($user, $pass, $sticky = false)
    {
        global $USERINFO;
        $name = $_SERVER['REMOTE_USER'] ?? '';
        $groups = $this->groups();
        if ($name === '' || $groups === []) {
            unset($_SERVER['REMOTE_USER']);
            $USERINFO = null;
            return false;
        }
        $USERINFO = [
            'name' => $_SERVER['OIDC_CLAIM_name'] ?? $name,
            'mail' => $_SERVER['OIDC_CLAIM_email'] ?? '',
            'grps' => $groups,
        ];
        $_SERVER['REMOTE_USER'] = $name;
        $_SESSION[DOKU_COOKIE]['auth'] = [
            'user' => $name, 'mail' => $USERINFO['mail'], 'pass' => '', 'info' => $USERINFO, 'buid' => '', 'time' => time(),
        ];
        return true;
    }

    public function logOff()
    {
        send_redirect(COOP_SETTINGS['callback'] . '?logout=' . rawurlencode(COOP_SETTINGS['url'] . '/'));
    }

    public function getUserData($user, $requireGroups = true)
    {
        return false;
    }

    /** The roles of whoever the token names; none where the wiki does not admit them. */
    private function groups(): array
    {
        $sso = COOP_SETTINGS['sso'];
        if (($_SERVER['OIDC_CLAIM_iss'] ?? '') !== $sso['issuer'] || !$this->isAdmitted($sso['organization_ids'])) {
            return [];
        }
        $held = array_intersect($sso['roles'], explode(',', $_SERVER['OIDC_CLAIM_groups'] ?? ''));
        if ($held === [] && $sso['default_role'] !== null) {
            $held = [$sso['default_role']];
        }
        return array_values($held);
    }

    private function isAdmitted(array $admitted): bool
    {
        $organizations = json_decode($_SERVER['OIDC_CLAIM_organization'] ?? '', true);
        foreach (is_array($organizations) ? $organizations : [] as $organization) {
            if (is_array($organization) && in_array($organization['id'] ?? null, $admitted, true)) {
                return true;
            }
        }
        return false;
    }
}
