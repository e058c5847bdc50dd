<?php
// Looks at the wiki past the gateway, with whatever claims stand in the environment: may this request read anything?
// Answers 0 where it lets nobody in, 1 where it lets somebody in.
if (PHP_SAPI !== 'cli') {
    exit(2);
}
$_SERVER['REMOTE_USER'] ??= 'somebody';
$_SERVER['HTTP_HOST'] = parse_url(COOP_SETTINGS['url'], PHP_URL_HOST);
$_SERVER['REMOTE_ADDR'] = '127.0.0.1';
define('DOKU_INC', '/usr/share/dokuwiki/');
define('NOSESSION', 1);
require DOKU_INC . 'inc/init.php';
auth_setup();
exit(auth_quickaclcheck('start') === AUTH_NONE ? 0 : 1);
