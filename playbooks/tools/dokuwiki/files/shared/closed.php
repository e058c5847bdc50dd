<?php
// Looks at the wiki past the gateway, as a request that names somebody and bears no token: it must let nobody in.
if (PHP_SAPI !== 'cli') {
    exit(2);
}
$_SERVER['REMOTE_USER'] = 'somebody';
$_SERVER['HTTP_HOST'] = parse_url(COOP_SETTINGS['url'], PHP_URL_HOST);
$_SERVER['REMOTE_ADDR'] = '127.0.0.1';
define('DOKU_INC', '/usr/share/dokuwiki/');
define('NOSESSION', 1);
require DOKU_INC . 'inc/init.php';
exit(auth_quickaclcheck('start') === AUTH_NONE ? 0 : 1);
