<?php
// Runs before every script of DokuWiki: says whose wiki this is, before DokuWiki would look for it in the request.
define('COOP_WIKI', getenv('COOP_WIKI'));
define('COOP_CODE', __DIR__);
define('COOP_SETTINGS', json_decode(file_get_contents(COOP_WIKI . '/settings.json'), true, 16, JSON_THROW_ON_ERROR));
define('DOKU_CONF', COOP_WIKI . '/conf/');
define('DOKU_FARM', false);
